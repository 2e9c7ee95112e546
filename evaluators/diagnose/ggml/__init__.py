"""What llama.cpp does to a model: formats of blocks, which tensor of a file gets which, arithmetic."""
