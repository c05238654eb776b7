"""Which permission each use case takes: the table that tests compare the services with, written by hand.

A line is a module of ``core.services``, the permission and functions; "-" is for what anybody may do with their own.
A public function whose first parameters are ``app, actor`` and that is missing here fails the test.
"""

from __future__ import annotations

from core.access.actor import Permission

TABLE = """
ask CHAT ask retry example_questions
audit AUDIT actions export_entries list_entries verify
chat_offers CHAT offers_below react_to_offer
chat_offers KNOWLEDGE_WRITE set_offers
content.batch_job CONTENT start_batch write_failed_again
content.checking CONTENT_READ brand check
content.checking CONTENT save_brand
content.drafts CONTENT_READ get_draft list_drafts newest_draft list_versions preference_rows preference_file
content.drafts CONTENT delete_draft edit_variant restore_version rate set_favourite
content.exporting CONTENT_READ export_drafts export_job
content.exporting STUDIO fine_tune
content.models CONTENT_READ list_models find_model offers
content.prepare CONTENT prepare search events quoted
content.templates CONTENT_READ list_templates get_template template_definition
content.templates CONTENT save_template delete_template
content.voices CONTENT_READ list_voices get_voice voice_texts
content.voices CONTENT start_voice delete_voice open_voice
content.writing CONTENT start_writing write stop_writing store
conversations CHAT start_conversation list_conversations get_conversation messages message_state rename_conversation
conversations CHAT delete_conversation export_conversation
demo WORKSPACE load_demo
direct CHAT answer_messages
direct KNOWLEDGE_READ embed_texts
direct CONTENT write_messages
direct - unknown_model usable_models
faq KNOWLEDGE_READ list_faq
faq KNOWLEDGE_WRITE save_faq delete_faq import_faq
feedback CHAT give_feedback
golden QUALITY start_golden_run recalibrate
golden QUALITY_READ latest_run list_runs
golden_questions QUALITY_READ list_golden
golden_questions QUALITY save_golden delete_golden import_golden
handoff CHAT request_person leave_contact back_to_assistant
handoff INBOX list_handoffs handoff_messages reply close_handoff reply_to_faq
ingest KNOWLEDGE_WRITE start_ingest
jobs KNOWLEDGE_READ list_jobs get_job
jobs KNOWLEDGE_WRITE cancel_job retry_job
keeping.backup WORKSPACE back_up
keeping.persons WORKSPACE erase_person export_person find_person
keeping.retention WORKSPACE preview
keeping.rotation WORKSPACE rotate
keys KEYS list_keys make_key revoke_key
knowledge CHAT list_knowledge_bases get_knowledge_base
knowledge KNOWLEDGE_READ list_documents
knowledge KNOWLEDGE_WRITE create_knowledge_base rename_knowledge_base update_settings
knowledge KNOWLEDGE_WRITE delete_knowledge_base delete_document
links.asked LINKS asked_by_link
links.making LINKS change_link duplicate_link get_link list_links make_link renew_link revoke_link
links.trying - guest_base guest_template try_content try_recommend try_sentiment
overview REPORT overview
people.accounts - my_account change_password choose_language
people.accounts MEMBERS disable_account
people.links MEMBERS invite make_reset_link list_links withdraw_link
people.members MEMBERS list_members change_role remove_member create_workspace
people.members - open_workspace
people.signing_in - sign_out sign_out_everywhere
people.signing_in MEMBERS list_sign_ins
privacy WORKSPACE privacy save_privacy
publish KNOWLEDGE_WRITE publish discard_draft start_build
quota - left spend
quota REPORT list_quotas names per_day usage
quota KEYS set_quota
recommend.batches RECOMMEND put_events put_items
recommend.catalogues RECOMMEND create_catalogue save_settings delete_catalogue set_hidden delete_items
recommend.catalogues RECOMMEND_READ find_catalogue list_catalogues get_catalogue list_items named_items list_versions
recommend.demo WORKSPACE load_demo_catalogue
recommend.experimenting RECOMMEND start_experiment stop_experiment look reacted
recommend.experimenting RECOMMEND_READ list_experiments shown
recommend.feedback RECOMMEND record_event react forget_events
recommend.importing RECOMMEND preview_file start_import
recommend.people RECOMMEND_READ list_people
recommend.ruling RECOMMEND_READ list_rules check_draft
recommend.ruling RECOMMEND save_rule set_active move_rule delete_rule publish_rules
recommend.serving RECOMMEND_READ recommend person_events
recommend.versions RECOMMEND_READ list_models
recommend.versions RECOMMEND serve_model roll_back
recommend.wizard RECOMMEND start_comparison serve_winner serve_compared
recommend.wizard RECOMMEND_READ get_comparison list_comparisons
report.exporting REPORT export_report
report.figures REPORT kept_assumptions pilot_report
report.figures WORKSPACE keep_assumptions
retrieve KNOWLEDGE_READ retrieval_test
review KNOWLEDGE_READ list_held
review KNOWLEDGE_WRITE release reject
schedule CHAT opening_hours is_open_now
schedule WORKSPACE set_opening_hours
sentiment.batches SENTIMENT preview start_batch cancel_batch resume_batch delete_batch
sentiment.batches SENTIMENT_READ list_batches get_batch
sentiment.customers INBOX curve heated
sentiment.customers SENTIMENT_READ trend
sentiment.lane SENTIMENT add_text add_from_batch next_task answer take_back
sentiment.lane SENTIMENT_READ lane
sentiment.lane STUDIO to_data_set
sentiment.model SENTIMENT_READ sentiment_settings
sentiment.model WORKSPACE set_sentiment_settings
sentiment.monitors WORKSPACE save_monitor delete_monitor
sentiment.monitors SENTIMENT_READ list_monitors raised_monitors
sentiment.one SENTIMENT score_text score_texts score_stream explain_text aspects_of
sentiment.results SENTIMENT_READ result_rows result_aspects export export_aspects doubtful sampled
source CHAT source dated
studio.compression STUDIO_READ variants_for compression_table
studio.compression STUDIO start_compression
studio.data_sets STUDIO start_data_set delete_data_set
studio.data_sets STUDIO_READ same_version list_data_sets get_data_set list_versions get_data_set_version sample_rows
studio.evaluating STUDIO evaluate_file
studio.naming STUDIO_READ find_version find_data_set_version
studio.recipes STUDIO_READ base_models check_base
studio.registry STUDIO_READ folder_by_id list_versions get_version version_report list_promotions
studio.registry STUDIO promote roll_back delete_version
studio.reports STUDIO_READ report_of report_html report_json model_card explain_text explain_row try_model
studio.runs STUDIO estimate start_run queue_run cancel_run retry_run delete_run
studio.runs STUDIO_READ list_runs get_run run_events compare_runs export_tensorboard
studio.tuning STUDIO start_tuning
studio.tuning STUDIO_READ tuning_result
studio.uploads STUDIO preview_upload
unsent CHAT keep_text kept_texts forget_texts
workspace CHAT workspace_settings
workspace WORKSPACE save_workspace_settings
"""


def wanted() -> dict[tuple[str, str], Permission | None]:
    """(module, function) to its permission; None for one's own."""
    found: dict[tuple[str, str], Permission | None] = {}
    for line in TABLE.strip().splitlines():
        module, permission, *functions = line.split()
        for function in functions:
            found[module, function] = None if permission == "-" else Permission[permission]
    return found
