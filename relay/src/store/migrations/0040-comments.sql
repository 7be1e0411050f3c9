-- What stands in this database, in words for the public: GET /v1/holdings reads them from the running catalog.
-- A table's comment has three sentences: what it is. Read by: whom. Kept: how long.

-- Columns that mean the same wherever they stand.
DO $$
DECLARE
  common CONSTANT jsonb := '{
    "root": "The household, by a fingerprint of its root key.",
    "digest": "SHA-256 of the signed object.",
    "jws": "The object as it was signed.",
    "salt": "Random value that hides the object in the public log; its parties have it too.",
    "leaf": "Number in the queue of the public log.",
    "log_index": "Number of its entry in the public log; none until it is published.",
    "received_ms": "When it arrived.",
    "agency": "The agency, by its web address.",
    "clip": "Random name of the recording.",
    "device": "Random name of the doorbell.",
    "certificate": "Digest of the certificate with which a phone vouched for the doorbell.",
    "keyset": "Digest of the list of the household''s keys.",
    "thumbprint": "Fingerprint of a public key.",
    "signer": "Fingerprint of the key that signed it.",
    "requester": "Fingerprint of the investigator''s key.",
    "request": "Digest of the request.",
    "consent": "Digest of the consent.",
    "release": "Digest of the relay''s signed word that it gave the items.",
    "download": "Random name of the download.",
    "certificate_jws": "The agency''s certificate for the investigator, as signed."
  }';
  found record;
BEGIN
  FOR found IN
    SELECT c.oid::regclass AS place, a.attname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
      AND common ? a.attname AND col_description(c.oid, a.attnum) IS NULL
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', found.place, found.name, common ->> found.name);
  END LOOP;
END $$;

COMMENT ON TABLE schema_migrations IS 'Which steps built this database. Read by: the operator. Kept: for good.';
COMMENT ON COLUMN schema_migrations.version IS 'Number of the step.';
COMMENT ON COLUMN schema_migrations.name IS 'Its name.';
COMMENT ON COLUMN schema_migrations.digest IS 'SHA-256 of its text.';
COMMENT ON COLUMN schema_migrations.applied_at IS 'When it was taken.';

COMMENT ON TABLE device_events IS 'What doorbells report as it happens: a ring, movement, a recording; no picture and no place. Read by: members of the household, and the operator. Kept: for good.';
COMMENT ON COLUMN device_events.position IS 'Order of arrival.';
COMMENT ON COLUMN device_events.stream IS 'Random name of a run of the doorbell.';
COMMENT ON COLUMN device_events.sequence IS 'Number within that run.';
COMMENT ON COLUMN device_events.type IS 'Ring, motion, clip or state.';
COMMENT ON COLUMN device_events.at_ms IS 'When it happened, by the doorbell''s clock.';
COMMENT ON COLUMN device_events.event IS 'The report itself: times, sizes, names of recordings.';

COMMENT ON TABLE device_streams IS 'How far each doorbell may forget what it reported. Read by: the operator. Kept: for good.';
COMMENT ON COLUMN device_streams.stream IS 'Random name of a run of the doorbell.';
COMMENT ON COLUMN device_streams.acknowledged IS 'Everything up to this number has arrived.';

COMMENT ON TABLE log_queue IS 'Entries on their way into the public log. Read by: the operator; the public once they are published. Kept: for good.';
COMMENT ON COLUMN log_queue.ticket IS 'Place in the queue.';
COMMENT ON COLUMN log_queue.type IS 'Kind of entry.';
COMMENT ON COLUMN log_queue.data IS 'What the entry will say.';
COMMENT ON COLUMN log_queue.leaf_index IS 'Number of the entry, once it has one.';
COMMENT ON COLUMN log_queue.hour IS 'Hour of the entry.';

COMMENT ON TABLE log_leaves IS 'The public log, entry by entry. Read by: everyone. Kept: for good; nothing can be taken out.';
COMMENT ON COLUMN log_leaves.leaf_index IS 'Number of the entry.';
COMMENT ON COLUMN log_leaves.bytes IS 'The entry.';
COMMENT ON COLUMN log_leaves.leaf_hash IS 'Its hash in the tree.';
COMMENT ON COLUMN log_leaves.hour IS 'Hour of the entry.';

COMMENT ON TABLE log_tiles IS 'Hashes of the public log, as readers fetch them. Read by: everyone. Kept: for good.';
COMMENT ON COLUMN log_tiles.level IS 'Height in the tree.';
COMMENT ON COLUMN log_tiles.tile_index IS 'Place in its row.';
COMMENT ON COLUMN log_tiles.bytes IS 'The hashes.';

COMMENT ON TABLE log_checkpoints IS 'The signed state of the public log at each size. Read by: everyone. Kept: for good.';
COMMENT ON COLUMN log_checkpoints.size IS 'How many entries it covers.';
COMMENT ON COLUMN log_checkpoints.root IS 'Hash over all of them.';
COMMENT ON COLUMN log_checkpoints.raw IS 'The signed text, with the signatures of witnesses.';
COMMENT ON COLUMN log_checkpoints.published_ms IS 'When it was published.';

COMMENT ON TABLE dpop_proofs IS 'Proofs of keys that were used, so that none is used twice. Read by: the operator. Kept: ten minutes at most.';
COMMENT ON COLUMN dpop_proofs.jti IS 'Random name of the proof.';
COMMENT ON COLUMN dpop_proofs.digest IS 'SHA-256 of the proof.';
COMMENT ON COLUMN dpop_proofs.expires_ms IS 'When it is forgotten.';

COMMENT ON TABLE pairings IS 'Letters between a phone and a doorbell that meet for the first time. Read by: whoever holds the code of that pairing. Kept: a quarter of an hour.';
COMMENT ON COLUMN pairings.id IS 'Name of the mailbox; it follows from the code on the doorbell.';
COMMENT ON COLUMN pairings.slot IS 'Which of the three letters.';
COMMENT ON COLUMN pairings.body IS 'The letter: public keys and signatures.';
COMMENT ON COLUMN pairings.expires_ms IS 'When it is thrown away.';

COMMENT ON TABLE households IS 'Households, without name or address. Read by: its members, and the operator. Kept: for good.';
COMMENT ON COLUMN households.root_jwk IS 'Its public root key.';
COMMENT ON COLUMN households.cell IS 'The map square it named, about five kilometres wide: the finest place that this relay has of anybody.';
COMMENT ON COLUMN households.created_ms IS 'When it enrolled.';
COMMENT ON COLUMN households.facts_forgotten IS 'Up to which of its facts some were deleted.';

COMMENT ON TABLE invitations_used IS 'Invitations that admitted a household. Read by: the operator. Kept: for good.';
COMMENT ON COLUMN invitations_used.code_sha256 IS 'SHA-256 of the code.';

COMMENT ON TABLE keysets IS 'Which public keys belong to a household: every version that was accepted. Read by: its members and doorbells, and the operator. Kept: for good.';
COMMENT ON COLUMN keysets.version IS 'Number of the version.';
COMMENT ON COLUMN keysets.authority IS 'Who allowed it: the first by the root key, members, or the root key alone.';
COMMENT ON COLUMN keysets.effective_ms IS 'From when it counts.';
COMMENT ON COLUMN keysets.voided IS 'Members stopped it in time.';
COMMENT ON COLUMN keysets.ack_jws IS 'The doorbell''s word that its button was pressed for it.';
COMMENT ON COLUMN keysets.ack_certificate IS 'Certificate of that doorbell.';

COMMENT ON TABLE keyset_members IS 'The phones of each version of a household. Read by: its members and doorbells, and the operator. Kept: for good.';
COMMENT ON COLUMN keyset_members.role IS 'Owner or viewer.';

COMMENT ON TABLE keyset_proposals IS 'A change of a household''s keys that waits for a button or another owner. Read by: its members and doorbells, and the operator. Kept: until it is made, replaced or taken back.';
COMMENT ON COLUMN keyset_proposals.proposed_ms IS 'When it was proposed.';

COMMENT ON TABLE devices IS 'Doorbells, by their public keys. Read by: members of the household, and the operator. Kept: for good, revoked ones too.';
COMMENT ON COLUMN devices.epoch IS 'How often it was paired anew.';
COMMENT ON COLUMN devices.accepted_ms IS 'When it was enrolled.';
COMMENT ON COLUMN devices.revoked_ms IS 'When a member took it out.';

COMMENT ON TABLE approvals IS 'A second owner''s signed yes, to a consent or a change of keys. Read by: members; the investigator of that consent. Kept: for good.';
COMMENT ON COLUMN approvals.subject IS 'Digest of what was approved.';

COMMENT ON TABLE items IS 'The sealed pieces of recordings: two seconds each. Read by: nobody here; only keys on the household''s phones and its printed sheet open them. Kept: as long as the recording.';
COMMENT ON COLUMN items.index IS 'Number of the piece.';
COMMENT ON COLUMN items.header IS 'Its key, sealed to the household''s phones.';
COMMENT ON COLUMN items.nonce IS 'Random beginning of the sealed piece.';
COMMENT ON COLUMN items.body_sha256 IS 'SHA-256 of the sealed piece with its header.';
COMMENT ON COLUMN items.payload_sha256 IS 'SHA-256 of the sealed piece.';
COMMENT ON COLUMN items.payload_bytes IS 'How long the sealed piece is.';
COMMENT ON COLUMN items.store_key IS 'Where the sealed piece lies.';

COMMENT ON TABLE item_headers IS 'Keys of pieces, sealed anew to a phone that was added. Read by: nobody here; members open their own. Kept: as long as the recording.';
COMMENT ON COLUMN item_headers.index IS 'Number of the piece.';
COMMENT ON COLUMN item_headers.header IS 'Its key, sealed to the household''s phones.';

COMMENT ON TABLE manifests IS 'The doorbell''s signed list of the pieces of a recording: times and sizes, no picture. Read by: members; an investigator whom an owner gave pieces of it; the operator. Kept: as long as the recording, longer where it was consented to.';
COMMENT ON COLUMN manifests.cursor IS 'Order of arrival.';
COMMENT ON COLUMN manifests.epoch IS 'Which pairing of the doorbell.';
COMMENT ON COLUMN manifests.sequence IS 'Number of the recording.';
COMMENT ON COLUMN manifests.revision IS 'Which version of the list.';
COMMENT ON COLUMN manifests.open IS 'The recording was still going on.';
COMMENT ON COLUMN manifests.end_ms IS 'When it ended.';
COMMENT ON COLUMN manifests.item_count IS 'How many pieces.';
COMMENT ON COLUMN manifests.descriptors IS 'Of each piece: time, length, hashes of what is sealed.';
COMMENT ON COLUMN manifests.consented IS 'A consent names this version.';

COMMENT ON TABLE deleted_clips IS 'Names of deleted recordings, so that a late upload brings none back. Read by: the operator. Kept: for good.';
COMMENT ON COLUMN deleted_clips.deleted_ms IS 'When it was deleted.';

COMMENT ON TABLE payload_deletions IS 'Sealed pieces that are about to be removed from the disk. Read by: the operator. Kept: until they are gone, at most minutes.';
COMMENT ON COLUMN payload_deletions.store_key IS 'Where the piece lies.';

COMMENT ON TABLE orphan_payloads IS 'Sealed pieces that no upload finished. Read by: the operator. Kept: a day, then they are removed.';
COMMENT ON COLUMN orphan_payloads.store_key IS 'Where the piece lies.';
COMMENT ON COLUMN orphan_payloads.noticed_ms IS 'When it was noticed.';

COMMENT ON TABLE kept_clips IS 'Recordings that an owner wants kept for longer. Read by: members, and the operator. Kept: as long as the recording.';
COMMENT ON COLUMN kept_clips.kept_ms IS 'Since when.';

COMMENT ON TABLE day_records IS 'A doorbell''s signed word about its day: when it watched, how much it recorded. Read by: members, and the operator. Kept: for good; members are told those of ten days.';

COMMENT ON TABLE policies IS 'Every set of rules by which requests were judged. Read by: everyone. Kept: for good.';
COMMENT ON COLUMN policies.policy IS 'The rules.';

COMMENT ON TABLE agency_changes IS 'Agencies: every change of name, status or keys. Read by: everyone. Kept: for good.';
COMMENT ON COLUMN agency_changes.change IS 'Order of the changes.';
COMMENT ON COLUMN agency_changes.uri IS 'The agency, by its web address.';
COMMENT ON COLUMN agency_changes.data IS 'What its entry in the log says.';

COMMENT ON TABLE requests IS 'Requests that were accepted, in full. Read by: everyone. Kept: for good; a text that the law removes stays here, and is shown to nobody.';
COMMENT ON COLUMN requests.jti IS 'Random name that the investigator gave it.';
COMMENT ON COLUMN requests.case_hash IS 'Hash of the case number.';
COMMENT ON COLUMN requests.exp_s IS 'Until when it is open.';

COMMENT ON TABLE request_cells IS 'The map squares that a request touches. Read by: everyone. Kept: for good.';
COMMENT ON COLUMN request_cells.cell IS 'Map square, about five kilometres wide.';

COMMENT ON TABLE refusals IS 'Requests that were refused, without their text. Read by: everyone. Kept: for good.';
COMMENT ON COLUMN refusals.code IS 'Why.';

COMMENT ON TABLE outcomes IS 'What agencies reported of their requests. Read by: everyone that it was reported; what it says, the operator. Kept: for good.';
COMMENT ON COLUMN outcomes.outcome IS 'What came of it: one of four words.';

COMMENT ON TABLE register_entries IS 'Disclosures of money and favours, and what the law demanded. Read by: everyone. Kept: for good, every version.';
COMMENT ON COLUMN register_entries.book IS 'Disclosures, or demands.';
COMMENT ON COLUMN register_entries.id IS 'Name of the matter.';
COMMENT ON COLUMN register_entries.version IS 'Which version.';
COMMENT ON COLUMN register_entries.entry IS 'The entry.';
COMMENT ON COLUMN register_entries.removes IS 'Request whose text the law removed.';

COMMENT ON TABLE apps IS 'Fingerprints of the web apps that the operator publishes. Read by: everyone. Kept: for good.';
COMMENT ON COLUMN apps.publication IS 'Order of the publications.';
COMMENT ON COLUMN apps.name IS 'Which app.';
COMMENT ON COLUMN apps.digest IS 'SHA-256 over the list of its files.';

COMMENT ON TABLE consents IS 'What owners signed when they said yes: which pieces, to whom, for how long. A no leaves no trace. Read by: members; the investigator whom it names, from its beginning on; the operator. Kept: for good.';
COMMENT ON COLUMN consents.cursor IS 'Order of arrival.';
COMMENT ON COLUMN consents.jti IS 'Random name that the phone gave it.';
COMMENT ON COLUMN consents.manifest IS 'Digest of the list of pieces.';
COMMENT ON COLUMN consents.headers IS 'Keys of the named pieces, sealed to that investigator.';
COMMENT ON COLUMN consents.disclosure IS 'What the owner told of themselves, sealed to that investigator; mostly nothing.';
COMMENT ON COLUMN consents.nbf_s IS 'From when it works.';
COMMENT ON COLUMN consents.exp_s IS 'Until when it works.';
COMMENT ON COLUMN consents.max_downloads IS 'How often it may be used.';
COMMENT ON COLUMN consents.downloads_taken IS 'How often it was.';
COMMENT ON COLUMN consents.needs_approval IS 'A second owner must say yes too.';
COMMENT ON COLUMN consents.ended_ms IS 'When it was taken back.';

COMMENT ON TABLE revocations IS 'What members took back: a consent, or a doorbell. Read by: members; the investigator of that consent; the operator. Kept: for good.';
COMMENT ON COLUMN revocations.subject IS 'Digest of what was taken back.';

COMMENT ON TABLE downloads IS 'Which consents were used, and when. Read by: members; the investigator who took it; the operator. Kept: for good.';
COMMENT ON COLUMN downloads.number IS 'Which of the allowed downloads.';
COMMENT ON COLUMN downloads.release_jws IS 'The relay''s signed word that it gave the items.';
COMMENT ON COLUMN downloads.proof_jws IS 'The investigator''s proof of the key with which it was asked for.';
COMMENT ON COLUMN downloads.taken_ms IS 'When it was taken.';
COMMENT ON COLUMN downloads.until_ms IS 'Until when it may be repeated.';
COMMENT ON COLUMN downloads.proofs IS 'Proofs from the log that go with it.';

COMMENT ON TABLE receipts IS 'Investigators'' signed word on what arrived and opened. Read by: members; that investigator; the operator. Kept: for good.';

COMMENT ON TABLE settings IS 'Names of cameras, their places and quiet hours, sealed to the household. Read by: nobody here; members open it. Kept: until it is replaced.';
COMMENT ON COLUMN settings.file IS 'The sealed file.';
COMMENT ON COLUMN settings.digest IS 'SHA-256 of the sealed file.';

COMMENT ON TABLE household_facts IS 'What happened in a household, for its phones to catch up with. Read by: members, and the operator. Kept: as long as recordings.';
COMMENT ON COLUMN household_facts.position IS 'Order of the facts.';
COMMENT ON COLUMN household_facts.at_ms IS 'When it happened.';
COMMENT ON COLUMN household_facts.fact IS 'What happened, by digests; never what a member looked at.';

COMMENT ON TABLE device_states IS 'What each doorbell last said of its health. Read by: members, and the operator. Kept: until it says something new.';
COMMENT ON COLUMN device_states.available IS 'Online, offline or stopped.';
COMMENT ON COLUMN device_states.available_ms IS 'Since when.';
COMMENT ON COLUMN device_states.heard_ms IS 'When it was last heard.';
COMMENT ON COLUMN device_states.health IS 'Disk, memory, camera, clock.';
COMMENT ON COLUMN device_states.health_ms IS 'When it said so.';

COMMENT ON TABLE push_subscriptions IS 'Where a phone is written to. Read by: the household''s doorbells and that phone; of the address, the operator. Kept: until the phone or its push service ends it.';
COMMENT ON COLUMN push_subscriptions.member IS 'Fingerprint of the phone''s key.';
COMMENT ON COLUMN push_subscriptions.endpoint IS 'Address at the push service of its browser.';
COMMENT ON COLUMN push_subscriptions.keys IS 'How to write to it, sealed to the household''s doorbells.';
COMMENT ON COLUMN push_subscriptions.minute_utc IS 'Minute of the day at which it gets its one empty message.';
COMMENT ON COLUMN push_subscriptions.next_daily_ms IS 'When the next one is due.';
COMMENT ON COLUMN push_subscriptions.last_daily_ms IS 'When the last one went out.';
