"""A run's curves and samples as a TensorBoard event file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.db.studio_tables import RunEvent


def write_events(folder: Path, events: Iterable[RunEvent], args: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Replaces ``folder``: scalars by curve, texts for samples, the log, the arguments and the final metrics."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    shutil.rmtree(folder, ignore_errors=True)
    writer = EventFileWriter(str(folder))
    last = 0
    try:
        for event in events:
            last = max(last, event.step)
            writer.add_event(
                Event(wall_time=event.at.timestamp(), step=event.step, summary=Summary(value=_values(event)))
            )
        for name, text in (("arguments", args), ("metrics", metrics)):
            shown = f"```\n{json.dumps(text, ensure_ascii=False, indent=1, default=str)}\n```"
            writer.add_event(Event(step=last, summary=Summary(value=[_text(name, shown)])))
    finally:
        writer.close()


def _values(event: RunEvent) -> list[Any]:
    from tensorboard.compat.proto.summary_pb2 import Summary

    if event.kind == "point":
        return [Summary.Value(tag=name, simple_value=float(value)) for name, value in event.data.items()]
    return [_text("samples" if event.kind == "sample" else "log", str(event.data.get("text", "")))]


def _text(tag: str, text: str) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING

    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()], tensor_shape=shape)
    plugin = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    return Summary.Value(tag=f"{tag}/text_summary", metadata=plugin, tensor=tensor)
