"""Headwater as a server of the Model Context Protocol (MCP): an assistant asks the canned queries as its tools.

`tools` is the table of tools and their answers, pure; `server` serves it with the official Python SDK, over stdio or
HTTP. Source: https://modelcontextprotocol.io/specification
"""
