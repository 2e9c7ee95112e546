"""One function a question: asks the store and returns a DataFrame."""
