"""A simulated company with planted helpers, brokers and decoys: its structure, its weeks, its records."""
