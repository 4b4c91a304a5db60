"""What is known of patients beside their recordings: from messages, kept for a while, matched by number and time."""
