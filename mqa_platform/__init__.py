"""The MQA platform: raw go-to-market signals in, marketing-qualified accounts out."""

__version__ = "0.1.0"
