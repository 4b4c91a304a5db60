"""The edge node: takes recordings from carts, answers, and brings the answers to records and archives."""
