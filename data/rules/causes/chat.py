"""Slot text: chat templates that servers of language models put around texts, as the models' own files have them."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CHAT_TEMPLATES", "ChatTemplate", "asked", "turn"]


class ChatTemplate(NamedTuple):
    """A turn of the user, and what begins the model's answer."""

    before: str
    after: str
    answer: str


_SYSTEM = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n"
_CHATML = ("<|im_end|>\n", "<|im_start|>assistant\n")
_LLAMA_3 = ("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>",
            "<|start_header_id|>assistant<|end_header_id|>\n\n")  # fmt: skip
# From chat_template in the models' tokenizer_config.json, written out for one turn. ChatML and [INST] are causes of
# their own.
CHAT_TEMPLATES = {
    "Qwen2.5": ChatTemplate(
        _SYSTEM.format("You are Qwen, created by Alibaba Cloud. You are a helpful assistant."), *_CHATML
    ),
    "ChatML (system)": ChatTemplate(_SYSTEM.format("You are a helpful assistant."), *_CHATML),
    "Llama 3": ChatTemplate(*_LLAMA_3),
    "Llama 3 (<|begin_of_text|>)": ChatTemplate("<|begin_of_text|>" + _LLAMA_3[0], *_LLAMA_3[1:]),
    "Gemma": ChatTemplate("<start_of_turn>user\n", "<end_of_turn>\n", "<start_of_turn>model\n"),
    "Gemma (<bos>)": ChatTemplate("<bos><start_of_turn>user\n", "<end_of_turn>\n", "<start_of_turn>model\n"),
    "Phi-3": ChatTemplate("<|user|>\n", "<|end|>\n", "<|assistant|>\n"),
    "Phi-4": ChatTemplate("<|im_start|>user<|im_sep|>", "<|im_end|>", "<|im_start|>assistant<|im_sep|>"),
    "Zephyr": ChatTemplate("<|user|>\n", "</s>\n", "<|assistant|>\n"),
    "Mistral": ChatTemplate("<s>[INST] ", " [/INST]", ""),
    "Granite": ChatTemplate(
        "<|start_of_role|>user<|end_of_role|>", "<|end_of_text|>\n", "<|start_of_role|>assistant<|end_of_role|>"
    ),
    "OLMo": ChatTemplate("<|endoftext|><|user|>\n", "\n", "<|assistant|>\n"),
    "gpt-oss": ChatTemplate("<|start|>user<|message|>", "<|end|>", "<|start|>assistant"),
    "DeepSeek": ChatTemplate("<｜User｜>", "", "<｜Assistant｜>"),
    "Command R": ChatTemplate(
        "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"
    ),
    "Alpaca": ChatTemplate("### Instruction:\n", "\n\n", "### Response:\n"),
    "Vicuna": ChatTemplate("USER: ", " ", "ASSISTANT:"),
    "User: Assistant:": ChatTemplate("User: ", "\n", "Assistant:"),
    "Human: Assistant:": ChatTemplate("Human: ", "\n\n", "Assistant:"),
}  # fmt: skip


def asked(text: str, name: str) -> str:
    """A text as the user's turn of a template, and the answer begun."""
    return turn(text, name) + CHAT_TEMPLATES[name].answer


def turn(text: str, name: str) -> str:
    """A text as the user's turn of a template alone."""
    return CHAT_TEMPLATES[name].before + text + CHAT_TEMPLATES[name].after
