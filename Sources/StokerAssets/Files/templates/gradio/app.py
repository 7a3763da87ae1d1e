"""{{name}}: a page with Gradio, and a health address beside it."""

import os

import gradio as gr
import uvicorn
from fastapi import FastAPI


def greet(name: str) -> str:
    return f"Hello, {name.strip() or 'world'}!"


with gr.Blocks(title="{{name}}") as page:
    gr.Markdown("# {{name}}")
    name = gr.Textbox(label="Your name")
    answer = gr.Textbox(label="Answer", interactive=False)
    gr.Button("Greet").click(greet, inputs=name, outputs=answer, api_name="greet")

app = FastAPI(title="{{name}}")


# Some who look whether an app lives ask by HEAD.
@app.head("/health", include_in_schema=False)
@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "alive"}


app = gr.mount_gradio_app(app, page, path="/")

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ.get("PORT", "7860")), access_log=False)
