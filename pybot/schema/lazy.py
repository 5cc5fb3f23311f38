"""Types that refer to each other, by name.

A module that builds an object of such a type imports the type's module, not its name:
the modules need each other, and a name is not there yet while they are being imported.
"""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from pybot.schema.cell import Cell
    from pybot.schema.conversation import Conversation
    from pybot.schema.kernel import Kernel
    from pybot.schema.message import Message, MessageConnection
    from pybot.schema.run import Run

LazyCell = Annotated["Cell", strawberry.lazy("pybot.schema.cell")]
LazyConversation = Annotated["Conversation", strawberry.lazy("pybot.schema.conversation")]
LazyKernel = Annotated["Kernel", strawberry.lazy("pybot.schema.kernel")]
LazyMessage = Annotated["Message", strawberry.lazy("pybot.schema.message")]
LazyMessageConnection = Annotated["MessageConnection", strawberry.lazy("pybot.schema.message")]
LazyRun = Annotated["Run", strawberry.lazy("pybot.schema.run")]
