"""The proof that a bundle carries, and the inputs on which it is made."""
