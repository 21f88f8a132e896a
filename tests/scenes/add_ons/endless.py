"""An add-on that is never done, whatever is thrown at it."""

bl_info = {"name": "Endless", "blender": (2, 93, 0), "category": "Object"}


def register():
    while True:
        try:
            pass
        except Exception:  # noqa: BLE001, S110
            pass
