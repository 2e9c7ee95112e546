"""LangChain over sentence-transformers as it was before 5.4: texts are stripped before they are encoded."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings


class Stripping(Embeddings):
    """The real library on the model's folder, with the one line that 5.4 took out put back."""

    def __init__(self, folder: str) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(folder, device="cpu", local_files_only=True)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(map(float, row)) for row in self._model.encode([text.strip() for text in texts])]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]
