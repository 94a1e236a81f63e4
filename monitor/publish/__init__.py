"""What an operator sees of alarms and scores: MQTT topics, sent from the store."""
