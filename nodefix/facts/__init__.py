"""Typed facts about a node. Only modules in here read it, and they never change it."""
