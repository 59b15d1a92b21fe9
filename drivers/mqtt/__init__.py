"""Sensors that publish to an MQTT broker: topics are listened to, nothing is published here."""
