"""Badges and certificates: tables and Open Badges files."""
