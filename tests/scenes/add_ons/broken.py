"""An add-on that can't be loaded."""

import a_module_that_is_not_there  # noqa: F401
