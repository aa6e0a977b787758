"""Writes a simulated company as the files that vendors give out, so that everything downstream meets real formats."""
