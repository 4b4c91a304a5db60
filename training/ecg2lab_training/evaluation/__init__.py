"""What a model is worth: measures on held-out patients, or on a site's own, and the papers that state them."""
