"""Backup and restore of the embedded PostgreSQL."""
