"""Tollway: an AI gateway."""
