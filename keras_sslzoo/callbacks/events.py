"""Pictures for TensorBoard, without a framework: records of protocol buffers, as `tensorboard` itself defines them."""

import os
import pathlib
import time


class ImageEvents:
    """An event file that takes PNG images. TensorBoard must be installed; no framework need be.

    Args:
        folder: Log directory of the run, the one of `tensorboard --logdir`.
        name: Part of the file's name, so that several writers do not meet.
    """

    def __init__(self, folder, name):
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise ImportError(
                f"`tensorboard=` writes for TensorBoard, which must be installed. Received: tensorboard={str(folder)!r}. "
                "Run `pip install tensorboard`, or leave it out: PNG files need nothing."
            ) from error
        self._protos, self._record = (event_pb2, summary_pb2), RecordWriter
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"events.out.tfevents.{time.time_ns() // 10**9:010d}.{os.getpid()}.{name}"
        self._append(file_version="brain.Event:2")

    def add(self, tag, step, png, size):
        """Append one picture.

        Args:
            tag: Its name; pictures of one name form a series.
            step: Place in the series.
            png: The bytes of the file.
            size: (width, height) in pixels.
        """
        summary = self._protos[1].Summary
        image = summary.Image(height=size[1], width=size[0], colorspace=4, encoded_image_string=png)
        self._append(step=step, summary=summary(value=[summary.Value(tag=tag, image=image)]))

    def _append(self, **fields):
        event = self._protos[0].Event(wall_time=time.time(), **fields)
        with open(self.path, "ab") as file:
            self._record(file).write(event.SerializeToString())
