"""The contract: the store's schema and views, opening and publishing it, its errors, words and writers."""
