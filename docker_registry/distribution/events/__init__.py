"""Notifications: what happened, told to whoever the settings name, in Distribution's form."""
