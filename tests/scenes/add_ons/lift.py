"""An add-on that the file does not name: when a scene is opened, the ball of it is lifted."""

import bpy

bl_info = {"name": "Lift", "blender": (2, 93, 0), "category": "Object"}


@bpy.app.handlers.persistent
def lift(*_of_what):
    ball = bpy.data.objects.get("Ball")
    if ball:
        ball.location.z += 0.4


def register():
    bpy.app.handlers.load_post.append(lift)


def unregister():
    bpy.app.handlers.load_post.remove(lift)


if __name__ == "__main__":
    register()
