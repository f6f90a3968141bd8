"""An endpoint as FastAPI's documentation has it: a pydantic model of the body, ONNX Runtime, the scores."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from onnx_scores import FEATURES, load
from pydantic import BaseModel, create_model

Row: Any = create_model("Row", **dict.fromkeys(FEATURES, (float, ...)))


class Body(BaseModel):  # type: ignore[misc]
    """Rows to score."""

    rows: list[Row]


app = FastAPI()
scores = load()


@app.get("/ready")  # type: ignore[untyped-decorator]
async def ready() -> dict[str, bool]:
    """Whether it answers."""
    return {"ready": True}


@app.post("/predict")  # type: ignore[untyped-decorator]
async def predict(body: Body) -> dict[str, list[float]]:
    """Scores of rows."""
    return {"scores": scores([list(row.__dict__.values()) for row in body.rows])}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="warning", access_log=False)
