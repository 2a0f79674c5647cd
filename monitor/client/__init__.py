"""Send predictions and ground truth from your own service; see docs/how-to/log-from-your-service.md.

This package stands alone: it imports the standard library only (and kafka-python when it sends to Kafka), so that a
serving process does not load the monitor.
"""

from monitor.client.asgi import AsgiMiddleware as AsgiMiddleware
from monitor.client.exchange import Exchange as Exchange
from monitor.client.logger import Logger as Logger
from monitor.client.wsgi import WsgiMiddleware as WsgiMiddleware
