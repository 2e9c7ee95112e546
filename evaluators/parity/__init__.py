"""Parity checks: is what one encoder gives what the reference gives, text by text?"""
