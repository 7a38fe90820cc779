"""What Marketo's activity types mean, by their numbers.

Belongs here: numbers and words of the vendor, and ours for them. Does not belong here: columns of an
export (``marketo``), or what an event is worth (``core``).
"""

from __future__ import annotations

from typing import Final

FORM: Final = "2"
MERGE: Final = "32"
PROGRAM_STATUS: Final = "104"

# Numbers from 100001 on are a subscription's own activities; these two are ours.
EVENTS: Final = {
    "1": "page_view",
    "6": "outbound_email",
    "9": "unsubscribe",
    "10": "email_open",
    "11": "email_click",
    "39": "outbound_email",
    "40": "email_open",
    "41": "email_click",
    "111": "email_forward",
    "100001": "event_attendance",
    "100002": "email_reply",
}
# Statuses in a programme that a person can only reach by coming, or by signing up.
STATUSES: Final = {
    "attended": "event_attendance",
    "attended live": "event_attendance",
    "attended on-demand": "event_attendance",
    "attended on demand": "event_attendance",
    "visited booth": "event_attendance",
    "registered": "event_registration",
}
# Sound activities that say nothing we want: delivery, the database's own housekeeping, our flows.
SILENT: Final = {
    "3": "activity_link_click",
    "7": "activity_delivered",
    "8": "activity_bounced",
    "12": "activity_new_lead",
    "13": "activity_data_value_change",
    "19": "activity_crm_sync",
    "21": "activity_lead_converted",
    "22": "activity_score_change",
    "23": "activity_owner_change",
    "24": "activity_list_change",
    "25": "activity_list_change",
    "26": "activity_crm_activity",
    "27": "activity_bounced",
    "29": "activity_delete_lead",
    "30": "activity_crm_activity",
    "34": "activity_opportunity",
    "35": "activity_opportunity",
    "36": "activity_opportunity",
    "37": "activity_delete_lead",
    "38": "activity_alert",
    "42": "activity_crm_campaign",
    "43": "activity_crm_campaign",
    "44": "activity_crm_campaign",
    "45": "activity_sales_email_received",
    "46": "activity_interesting_moment",
    "47": "activity_campaign_requested",
    "48": "activity_bounced",
    "100": "activity_partition_change",
    "101": "activity_revenue_stage",
    "102": "activity_revenue_stage",
    PROGRAM_STATUS: "activity_program_status",
    "106": "activity_enriched",
    "108": "activity_segment_change",
    "110": "activity_webhook",
    "112": "activity_forward_received",
    "113": "activity_nurture",
    "114": "activity_nurture",
    "115": "activity_nurture",
    "145": "activity_lead_pushed",
    "400": "activity_social",
    "401": "activity_social",
    "402": "activity_social",
    "403": "activity_social",
    "405": "activity_social",
    "406": "activity_social",
    "407": "activity_social",
    "408": "activity_social",
    "409": "activity_social",
    "410": "activity_social",
}
# A merge whose losers the export does not name.
MERGE_OF_NONE: Final = "activity_merge"
# What Marketo decided not to send was never sent.
NOT_SENT: Final = "activity_send_skipped"
CHANNELS: Final = {
    "page_view": "web",
    "content_download": "web",
    "demo_request": "web",
    "event_attendance": "event",
    "event_registration": "event",
}
