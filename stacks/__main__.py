"""One stack: settings -> layer -> exports."""

import gc

import pulumi

from components.layers import LAYERS
from components.settings.errors import SettingsError
from components.settings.load import CONFIG_KEY, load_settings, stack_file

# A program of seconds: looking for garbage among the thousands of classes of the SDKs takes a quarter of its time.
gc.disable()
path = stack_file(pulumi.get_stack())
try:
    settings = load_settings(
        pulumi.Config().get_object(CONFIG_KEY.partition(":")[2]), f"stacks/{path.name}", path.parents[1]
    )
    exports = LAYERS[settings.layer](settings)
except SettingsError as refusal:
    raise pulumi.RunError(str(refusal)) from None
for name, value in exports.items():
    pulumi.export(name, value)
