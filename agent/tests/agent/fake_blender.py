#!/usr/bin/python3
"""Speaks the driver's protocol and renders nothing. The frame number says how it behaves."""

import json
import os
import signal
import sys
import time

CRASH, HANG, GARBAGE, ENDLESS, MUTE, REFUSE, LINK = 13, 14, 15, 16, 17, 18, 19
# From the second step of a part on.
CRASH_LATER, HANG_LATER = 20, 21

INFO = {
    "blender_version": "4.5.1", "file_version": "4.5", "scene": "Scene", "scenes": ["Scene"],
    "camera": "Camera", "marker_cameras": False, "view_layers": [], "engine": "CYCLES",
    "frame_start": 1, "frame_end": 1, "frame_step": 1, "frame_current": 1,
    "film": {"frame": [0, 0, 64, 36], "rendered": [0, 0, 64, 36], "cropped": False},
    "samples": 16, "adaptive": None, "sampling_pattern": "", "subset_exact": True,
    "denoise": False, "can_denoise": False, "path_guiding": False, "time_limit_secs": 0,
    "compositor": False, "whole_frames_because": None,
    "output": {"file_format": "PNG", "extension": ".png", "is_movie": False},
    "files": [], "warnings": [],
}


def answer(value):
    print(json.dumps(value), flush=True)


def behave(frame):
    if frame == CRASH:
        print("about to crash", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    elif frame == HANG:
        time.sleep(3600)
    elif frame == GARBAGE:
        print("}{ not json", flush=True)
        answer([1, 2])
        answer({"id": 0, "ok": True})
        os.write(1, b"\xff\xfe\x00\n")
    elif frame == ENDLESS:
        # A child in the same group must not survive either.
        if os.fork() == 0:
            time.sleep(3600)
        number = 0
        while True:
            number += 1
            print(f"Fra:16 | Remaining:00:10.00 | Sample {number}/16", file=sys.stderr, flush=True)
            time.sleep(0.05)
    elif frame == MUTE:
        os.close(1)
        time.sleep(3600)


def do(command):
    what, frame = command["do"], command.get("frame")
    if what == "open":
        with open(command["blend"], "rb") as blend:
            if b"unreadable" in blend.read():
                raise ValueError("bad_file")
        return {"info": INFO, "extra_passes": []}
    later = what == "part" and command["samples"][0] > 4
    behave(CRASH if frame == CRASH_LATER and later else frame)
    if frame == HANG_LATER and later:
        time.sleep(3600)
    if frame == REFUSE:
        raise ValueError("render")
    if what in ("look", "part", "denoise"):
        with open(command["path"], "w") as out:
            out.write(f"{what} of {os.getpid()}: {json.dumps(command.get('samples'))}")
        return {"render_secs": 0.5}
    name = "0001.png"
    if frame == LINK:
        name = "../../../../../secret"
    else:
        with open(os.path.join(command["out"], name), "w") as out:
            out.write("composed")
    if what == "whole":
        with open(command["image"], "w") as out:
            out.write(f"whole {frame}")
    return {"render_secs": 0.5, "composed": [name]}


def main():
    if "--version" in sys.argv:
        print("Blender 4.5.1 LTS\n\tbuild date: today")
        return
    print("Blender 4.5.1 LTS (hash 0123 built today)", flush=True)
    answer({"event": "ready", "version": "4.5.1", "subset": True, "oidn": False, "module": False})
    for line in sys.stdin:
        command = json.loads(line)
        print(f"blendnet: request {command['id']}", file=sys.stderr, flush=True)
        try:
            answer({"id": command["id"], "ok": True} | do(command))
        except ValueError as error:
            answer({"id": command["id"], "ok": False, "kind": str(error), "fault": "scene",
                    "message": "it will not"})


main()
