"""The twenty pitfalls of a monitor that nobody looks after, each with the tests that hold it.

They are the test list that this software was begun with: what broke others of its kind. The claims are short,
the tests say exactly what is meant.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pitfall:
    """One way in which such monitors fail."""

    number: int
    claim: str
    """What holds instead."""
    tests: tuple[str, ...]
    """pytest ids of the tests that hold it, below `tests/`, without parameters."""
    faults: tuple[str, ...] = ()
    """Names of faults of the campaign that make the same thing happen by lot."""


def _in(file: str, *names: str) -> tuple[str, ...]:
    """Return the ids of tests of one file, their names without `test_`."""
    return tuple(f"{file}::test_{name}" for name in names)


PITFALLS = (
    Pitfall(
        1,
        "Unplugged, server killed, silently moved, all zero, flat, clipped: each has its own named "
        "state in a stated time, and none is ever normal",
        (
            *_in(
                "sources/test_microphone.py",
                "a_killed_sound_server_is_alarmed_and_heard_again_when_it_returns",
                "a_stream_that_is_moved_to_a_silent_input_is_alarmed_as_a_flat_line",
            ),
            *_in("sources/test_live.py", "an_unplugged_device_is_lost_time_and_comes_back_at_its_place"),
            *_in("test_window.py", "bad_input_is_named"),
            *_in("alarm/test_alarm_delays.py", "unjudged_windows_never_raise_and_never_clear"),
            *_in("reliability/test_campaign.py", "faults_by_lot_find_no_wrong_normal_and_lose_nothing"),
        ),
        ("mic unplugged", "sound server killed", "silence", "clipping"),
    ),
    Pitfall(
        2,
        "Samples in are samples windowed, skipped or lost, always; no window is spliced over a gap",
        (
            *_in(
                "test_window.py",
                "every_sample_is_windowed_skipped_or_pending",
                "a_window_over_a_gap_says_so_and_holds_zeros_in_its_place",
            ),
            *_in("test_resample.py", "sound_from_both_sides_of_a_gap_never_mixes"),
            *_in("contracts/test_source_contract.py", "blocks_follow_each_other_and_the_ledger_is_exact"),
            *_in(
                "reliability/test_soak.py",
                "minutes_of_sixteen_machines_leave_the_ledger_exact_and_nothing_open",
            ),
        ),
        ("sound server killed", "SIGSTOP"),
    ),
    Pitfall(
        3,
        "Slow inference: a bounded queue, the oldest dropped, the share told, one warning, alarms uncertain",
        (
            *_in(
                "test_window_queue.py",
                "every_window_is_taken_or_dropped_or_waits_and_each_source_keeps_its_order",
            ),
            *_in("test_overload.py", "a_long_overload_is_warned_of_once_in_ten_minutes_with_its_share"),
            *_in(
                "system/test_overload_system.py",
                "at_half_the_speed_every_source_is_half_judged_and_uncertain_and_told_so_everywhere",
            ),
        ),
    ),
    Pitfall(
        4,
        "Boot without broker, microphone, disk space and time: the service comes up and says what is missing",
        (
            *_in(
                "reliability/test_bad_boot.py",
                "without_broker_microphone_space_and_time_it_is_up_and_says_so",
            ),
            *_in(
                "system/test_odd_boxes.py",
                "a_clock_in_1970_is_no_reason_not_to_listen",
                "a_microphone_that_is_not_there_is_waited_for_and_said_so",
            ),
            *_in(
                "store/test_full_disk_of_alarms.py",
                "a_box_starts_on_a_full_disk_with_the_room_that_was_held_back",
            ),
        ),
        ("disk full", "broker down", "mic unplugged"),
    ),
    Pitfall(
        5,
        "Broker restarted: the will renewed with the next bdSeq, births and retained topics again, no "
        "alarm twice",
        (
            *_in(
                "publish/sparkplug/test_sparkplug_session.py",
                "each_attempt_has_the_next_bdseq_failed_ones_too",
            ),
            *_in(
                "publish/sparkplug/test_sparkplug_broker_lives.py",
                "sequences_of_accidents_on_a_real_broker_break_no_rule_and_lose_no_event",
            ),
            *_in("system/test_faults.py", "a_broker_that_comes_back_is_told_everything_again"),
        ),
        ("broker down", "broker restarted"),
    ),
    Pitfall(
        6,
        "A clean stop is no crash: `stopped` against `offline`, NDEATH with the present bdSeq",
        (
            *_in(
                "publish/test_publisher.py",
                "a_clean_stop_says_stopped_and_never_offline",
                "a_killed_process_is_announced_as_offline_by_the_broker",
            ),
            *_in(
                "publish/sparkplug/test_sparkplug_session.py",
                "death_rebirth_and_will_carry_the_bdseq_of_the_connection",
            ),
        ),
        ("kill -9",),
    ),
    Pitfall(
        7,
        "bdSeq outlives kill -9 and wraps, seq wraps, no data between a rebirth's first and last birth",
        (
            *_in("test_birth_counter.py", "it_begins_at_0_goes_on_in_another_process_and_wraps"),
            *_in(
                "publish/sparkplug/test_sparkplug_session.py",
                "seq_wraps_after_255_and_counts_every_message_of_the_node",
                "no_data_is_sent_between_a_rebirth_request_and_its_births",
            ),
            *_in("system/test_sparkplug_daemon.py", "a_host_sees_a_daemon_live_die_of_kill_9_and_live_again"),
        ),
    ),
    Pitfall(
        8,
        "A limit from normal sound lies above all of it; contaminated or too little sound is refused",
        (
            *_in(
                "calibration/test_calibration_fit.py",
                "the_limit_of_all_normal_sound_lies_above_all_of_it",
                "stretches_that_do_not_belong_are_named",
                "too_few_windows_are_refused_with_the_minutes_that_are_missing",
            ),
        ),
    ),
    Pitfall(
        9,
        "On-delay, deadband and off-delay are exact at their edges, no chatter; an acknowledgement "
        "outlives a restart, shelving ends, what is shelved is still evaluated",
        (
            *_in(
                "alarm/test_alarm_delays.py",
                "the_limit_itself_raises_and_the_next_smaller_number_does_not",
                "a_delay_of_whole_hops_is_exact_although_hops_are_not_whole_numbers",
                "the_deadband_neither_raises_nor_clears",
                "a_score_that_wavers_around_the_limit_alarms_once",
            ),
            *_in("alarm/test_alarm_snapshot.py", "a_restart_at_any_moment_changes_nothing_that_follows"),
            *_in(
                "alarm/test_alarm_states.py",
                "shelving_ends_exactly_at_its_time",
                "what_is_set_aside_is_still_evaluated_and_recorded",
            ),
        ),
        ("kill -9",),
    ),
    Pitfall(
        10,
        "Another model or front end needs another calibration: the old limit is refused",
        (
            *_in(
                "calibration/test_calibration_file.py", "another_bundles_calibration_is_refused_by_both_names"
            ),
            *_in("commands/test_check_and_status.py", "a_calibration_of_another_model_is_refused"),
            *_in("test_frontend.py", "every_parameter_changes_the_digest"),
        ),
    ),
    Pitfall(
        11,
        "The mel of training, daemon and page is one, bit-near torchaudio, however the sound is cut",
        (
            *_in("test_frontend.py", "windows_of_any_blocks_equal_the_log_mel_of_the_whole"),
            *_in("test_frontend_torchaudio.py", "equal_to_torchaudio_on_noise_loud_and_faint"),
            *_in("golden/test_golden_logmel.py", "the_log_mel_of_the_golden_sound_is_unchanged"),
            *_in("replay/test_sheet.py", "the_log_mel_of_a_clip_is_the_front_ends_own"),
        ),
    ),
    Pitfall(
        12,
        "Retention meets its limits with locks and a minimum a source, alarms and labelled windows go "
        "last, what stands in the way is said, half files are never listed",
        (
            *_in(
                "store/retention/test_pruning.py",
                "locked_events_and_the_newest_of_each_source_stay_and_it_is_said",
                "for_space_the_oldest_unlabelled_event_goes_first_and_labelled_ones_last",
                "it_says_when_the_limit_cannot_be_kept",
            ),
            *_in("store/retention/test_killed_while_pruning.py", "rows_and_files_agree_after_a_kill"),
            *_in("store/test_clip_files.py", "a_clip_has_its_name_only_when_it_is_whole"),
        ),
        ("disk full",),
    ),
    Pitfall(
        13,
        "Labels are only ever added, with who and when; an export trains; a new label loses no old one",
        (
            *_in("store/test_store.py", "labels_are_only_ever_added"),
            *_in(
                "replay/test_labelled_export.py",
                "labels_json_tells_every_change_of_mind",
                "an_export_can_be_trained_on_and_evaluated",
            ),
        ),
    ),
    Pitfall(
        14,
        "A new model replaces the old one whole or not at all, only where labels that it did not learn from "
        "say that it is better, or a person who says why; one command leads back",
        (
            *_in(
                "training/test_work_folder.py",
                "a_delivered_bundle_replaces_the_old_one_and_leaves_nothing_beside",
                "a_bundle_that_a_kill_left_between_two_renames_comes_back",
            ),
            *_in("bundles/test_bundle_library.py", "a_kill_at_any_step_leaves_the_old_roles_or_the_new"),
            *_in(
                "promotion/test_poisoned_candidates.py",
                "poisoned_is_never_promoted",
                "what_was_learned_from_is_no_proof_and_withdrawn_labels_are_none",
                "a_person_may_insist_and_says_why_on_record",
            ),
            *_in("system/test_promotion.py", "promoted_and_rolled_back_without_losing_a_sample"),
        ),
        ("corrupt bundle",),
    ),
    Pitfall(
        15,
        "A plan of another version or GPU, cut short or changed, is built anew; of two processes one builds",
        (
            *_in(
                "engines/test_backend_tensorrt.py",
                "another_box_has_another_plan",
                "a_plan_that_cannot_be_used_is_built_anew",
            ),
            *_in("engines/test_plan_lock.py", "of_two_processes_one_builds_one_waits_and_both_load"),
        ),
    ),
    Pitfall(
        16,
        "The wall clock may jump: delays are monotonic, times are put right, order is kept",
        (
            *_in("sources/test_stream_clock.py", "ntp_setting_a_clock_from_1970_moves_the_stamps_at_once"),
            *_in(
                "store/test_clocks.py",
                "an_event_of_before_the_clock_was_set_is_dated_right_with_all_that_belongs_to_it",
            ),
            *_in(
                "alarm/test_alarm_clock.py",
                "a_restart_takes_nothing_from_it_even_if_the_clock_was_set_meanwhile",
            ),
            *_in("system/test_odd_boxes.py", "a_clock_in_1970_is_no_reason_not_to_listen"),
        ),
        ("clock jump",),
    ),
    Pitfall(
        17,
        "Passwords are in no log, payload, status, support bundle or argument",
        (
            *_in("system/test_secrets.py", "passwords_are_in_no_log_payload_status_or_argument"),
            *_in("doctor/test_support_bundle.py", "no_secret_no_person_and_no_sound_is_in_it"),
        ),
    ),
    Pitfall(
        18,
        "The page listens to this box alone unless there are users, no id is a path, changes need a token",
        (
            *_in("commands/test_replay_command.py", "what_must_not_be_served_is_refused"),
            *_in(
                "replay/test_attacks.py",
                "no_id_is_a_path",
                "a_change_that_another_site_sends_is_refused",
                "the_token_of_another_session_does_not_fit",
            ),
        ),
    ),
    Pitfall(
        19,
        "One damaged clip, map or row never blocks the rest",
        (
            *_in("replay/test_sheet.py", "damaged_files_are_told"),
            *_in("replay/test_similar.py", "a_damaged_or_lost_map_is_passed_over"),
            *_in("store/test_tidying.py", "a_folder_that_cannot_be_read_blocks_nothing"),
            *_in("store/test_explanations.py", "an_event_whose_explanation_is_damaged_is_listed_without_it"),
        ),
        ("corrupt store",),
    ),
    Pitfall(
        20,
        "The watchdog is not fed when inference hangs",
        (
            *_in("test_evidence.py", "a_hanging_engine_or_capture_starves_it_and_an_absent_device_does_not"),
            *_in(
                "systemd/test_booted.py",
                "a_daemon_that_stands_still_is_killed_by_the_watchdog_and_started_again",
            ),
            *_in("reliability/test_campaign.py", "faults_by_lot_find_no_wrong_normal_and_lose_nothing"),
        ),
        ("engine hang", "SIGSTOP"),
    ),
)
