"""One stack: settings -> layer -> exports."""

import pulumi

from components.layers import LAYERS
from components.settings.load import CONFIG_KEY, load_settings, stack_file

stack = pulumi.get_stack()
settings = load_settings(
    pulumi.Config().get_object(CONFIG_KEY.partition(":")[2]), stack_file(stack).name, stack_file(stack).parents[1]
)
for name, value in LAYERS[settings.layer](settings).items():
    pulumi.export(name, value)
