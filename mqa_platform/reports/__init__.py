"""What people read: briefs, account pages and charts, as Markdown, HTML, Slack blocks and SVG.

Belongs here: turning facts into a form, with everything that others wrote made inert in it. Does not belong
here: finding the facts (``core.briefs``, ``account_pages``) or sending anything (``destinations``).
"""
