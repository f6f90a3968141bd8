"""Alerts: who is told of an incident, the outbox in the book, and the ways out."""
