"""Slot text: chat templates that servers of language models put around texts, as the models' own files have them."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from data.rules.causes.cause import Cause
from data.rules.words import mark
from data.store.vocabulary import Slot

__all__ = ["CHAT_CAUSES", "CHAT_TEMPLATES", "ChatTemplate"]


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


def _asked(text: str, name: str) -> str:
    before, after, answer = CHAT_TEMPLATES[name]
    return f"{before}{text}{after}{answer}"


def _said(text: str, name: str) -> str:
    before, after, _ = CHAT_TEMPLATES[name]
    return f"{before}{text}{after}"


_wrapped = partial(
    Cause, slot=Slot.TEXT, family="around", by_look=True, prompted=True,
    effect=mark("Every vector moves, short texts' most."), remedy=mark("Hand the texts over as they are."),
)  # fmt: skip
CHAT_CAUSES = (
    _wrapped(
        code="chat-template-of", words="the chat template of {listed} around each text",
        general="a model's chat template around each text", sift=_asked,
    ),
    _wrapped(
        code="chat-turn-of", words="the chat template of {listed} around each text, without the assistant's turn",
        general="a model's chat template around each text, without the assistant's turn", sift=_said,
    ),
)  # fmt: skip
