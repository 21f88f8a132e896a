"""Keeps one Blender warm: reads a JSON command a line on stdin, answers one a line.

Runs inside `blender -b --python driver.py -- THREADS` and as `python driver.py -- THREADS` where
Python has the `bpy` module. What Blender prints goes to stderr; stdout carries answers only.
"""

import json
import os
import shutil
import sys
import traceback


def take_stdout():
    """A private stream for answers; everything else that is printed goes to stderr."""
    sys.stdout.flush()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


ANSWERS = take_stdout()
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bpy  # noqa: E402

import add_ons  # noqa: E402
import finish  # noqa: E402
import render  # noqa: E402
import scene as scenes  # noqa: E402
from common import Failure, from_exception  # noqa: E402
from info import scene_info  # noqa: E402


def answer(value):
    ANSWERS.write(json.dumps(value) + "\n")
    ANSWERS.flush()


class Driver:
    """The scene that is open, and the commands."""

    def __init__(self, threads):
        self.threads = threads
        self.opened = None

    def scene(self):
        if self.opened is None:
            raise Failure("internal", "attempt", "no scene is open")
        return self.opened

    def open(self, command):
        self.opened = None
        root, overrides = command["root"], command.get("overrides") or {}
        add_ons.turn_on(root, overrides.get("add_ons", []), command["add_on_secs"])
        opened = scenes.open_scene(command["blend"], root, overrides, self.threads)
        info = scene_info(opened)
        self.opened = opened
        return {"info": info, "extra_passes": opened.extra_passes}

    def look(self, command):
        finish.write_look(self.scene(), command["path"])
        return {}

    def part(self, command):
        secs = render.part(
            self.scene(),
            command["frame"],
            command.get("tile"),
            command["samples"],
            command["total"],
            command["path"],
        )
        return {"render_secs": secs}

    def whole(self, command):
        secs, composed = render.whole(
            self.scene(), command["frame"], command["image"], command["out"]
        )
        return {"render_secs": secs, "composed": composed}

    def denoise(self, command):
        finish.denoise(self.scene(), command["merged"], command["frame"], command["path"])
        return {}

    def compose(self, command):
        composed = finish.compose(
            self.scene(), command["merged"], command["frame"], command["out"]
        )
        return {"composed": composed}

    def run(self, line):
        command_id = None
        try:
            command = json.loads(line)
            command_id = command.get("id")
            # What is printed from here on is of this command; answers go another way.
            print(f"blendnet: request {command_id}", file=sys.stderr, flush=True)
            name = command.get("do")
            if name not in ("open", "look", "part", "whole", "denoise", "compose"):
                raise Failure("internal", "attempt", f"unknown command `{name}`")
            return {"id": command_id, "ok": True, **getattr(self, name)(command)}
        except Exception as error:  # noqa: BLE001: whatever happens is an answer, never the end
            traceback.print_exc()
            failure = from_exception(error)
            return {
                "id": command_id,
                "ok": False,
                "kind": failure.kind,
                "fault": failure.fault,
                "message": str(failure),
            }


def main():
    threads = int(sys.argv[sys.argv.index("--") + 1]) if "--" in sys.argv else 0
    driver = Driver(threads)
    answer(
        {
            "event": "ready",
            "version": scenes.blender_version(),
            "subset": scenes.has_sample_subset(),
            "oidn": scenes.has_denoiser(),
            "module": not bpy.app.binary_path,
        }
    )
    for line in sys.stdin:
        if line.strip():
            answer(driver.run(line))
    # Blender sometimes crashes while it tears itself down; nothing is left that it should do.
    shutil.rmtree(bpy.app.tempdir, ignore_errors=True)
    sys.stderr.flush()
    os._exit(0)


main()
