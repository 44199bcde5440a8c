#include "store/accepting.h"

#include "store/job_life.h"
#include "store/packing.h"
#include "store/reading.h"
#include "store/refs.h"

namespace gachette::store {

using sqlite::Connection;
using sqlite::Query;

namespace {

constexpr int stored_repeats_per_day = 20;
constexpr Milliseconds day = 24LL * 60 * 60 * 1000;
constexpr std::size_t id_part = 8, body_part = 16;  // bytes of a sender key: hook and sender's id, then body

std::string_view bytes_of(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Where a new row's body lies: shared with an earlier delivery that has the same one, else stored.
struct Body {
    std::int64_t id = 0;
    std::int64_t added_bytes = 0;
};

Body store_body(Connection& connection, const Prepared& prepared, DeliveryId like) {
    if (like != 0) {
        const auto shared =
            connection.number("SELECT body FROM deliveries WHERE id = ?1 AND body IS NOT NULL AND body_sha256 = ?2",
                              like, sqlite::Blob{bytes_of(prepared.body_sha256)});
        if (shared) {
            connection.run("UPDATE bodies SET uses = uses + 1 WHERE id = ?1", *shared);
            return {*shared, 0};
        }
    }
    connection.run("INSERT INTO bodies (uses, body) VALUES (1, ?1)", sqlite::Blob{prepared.delivery.body});
    return {connection.last_id(), static_cast<std::int64_t>(prepared.delivery.body.size())};
}

struct Row {
    DeliveryState state = DeliveryState::accepted;
    std::string_view reason;
    DeliveryId repeats = 0;
    std::int64_t arrival = 0;  // 0: its own number
    bool first = true;         // takes the sender key and keeps the decisions
};

DeliveryId insert_row(Connection& connection, const Prepared& prepared, const Row& row, Milliseconds now) {
    const NewDelivery& delivery = prepared.delivery;
    const Body body = store_body(connection, prepared, row.repeats ? row.repeats : delivery.replay_of);
    Query insert(
        connection,
        "INSERT INTO deliveries (arrival, received, hook, forge, peer, event_name, sender_id, sender_key, "
        "secret_origin, state, reason, requested_by, repeats, replay_of, body, body_bytes, body_sha256, headers, "
        "decisions) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, x''), ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
        "?17, ?18, ?19)");
    insert
        .bind(row.arrival, now, delivery.hook, delivery.forge, delivery.peer, delivery.event_name, delivery.sender_id,
              sqlite::Blob{row.first ? std::string_view(prepared.sender_key) : ""}, delivery.secret_origin,
              static_cast<int>(row.state), row.reason, delivery.requested_by, row.repeats, delivery.replay_of, body.id,
              static_cast<std::int64_t>(delivery.body.size()), sqlite::Blob{bytes_of(prepared.body_sha256)},
              sqlite::Blob{prepared.headers}, sqlite::Blob{row.first ? std::string_view(prepared.decisions) : ""})
        .run();
    const DeliveryId id = connection.last_id();
    connection.run("UPDATE counters SET value = value + 1 WHERE name = 'deliveries'");
    if (body.added_bytes > 0)
        connection.run("UPDATE counters SET value = value + ?1 WHERE name = 'body_bytes'", body.added_bytes);
    return id;
}

// The number that decides order: a replay and a repeat keep that of the first. 0: there is no first.
std::int64_t arrival_of(Connection& connection, DeliveryId replayed) {
    if (replayed == 0) return 0;
    return connection
        .number("SELECT CASE WHEN arrival > 0 THEN arrival ELSE id END FROM deliveries WHERE id = ?1", replayed)
        .value_or(0);
}

// --- repeats ---------------------------------------------------------------------------------------------

DeliveryId first_with_key(Connection& connection, const std::string& key) {
    if (key.empty()) return 0;
    return connection.number("SELECT id FROM deliveries WHERE sender_key = ?1", sqlite::Blob{key}).value_or(0);
}

DeliveryId other_body_with_id(Connection& connection, const std::string& key) {
    if (key.empty()) return 0;
    const std::string low = key.substr(0, id_part);
    const std::string high = low + std::string(body_part + 1, '\xff');
    return connection
        .number("SELECT id FROM deliveries WHERE sender_key > ?1 AND sender_key < ?2 ORDER BY id LIMIT 1",
                sqlite::Blob{low}, sqlite::Blob{high})
        .value_or(0);
}

bool worth_another_attempt(JobState state) {
    return state == JobState::failed || state == JobState::gave_up || state == JobState::dead;
}

std::string fate(const Job& job) {
    const std::string name = "job " + std::to_string(job.id);
    switch (job.state) {
        case JobState::queued:
            return name + " is queued";
        case JobState::running:
            return name + " is running";
        case JobState::done:
            return name + " is done";
        case JobState::failed:
            return name + " failed before";
        case JobState::gave_up:
            return name + " gave up before";
        case JobState::dead:
            return name + " was set aside before";
        case JobState::cancelled:
            return name + " was cancelled";
        case JobState::refused:
            return name + " was refused: " + job.reason;
        case JobState::superseded:
            return job.superseded_by ? name + " was superseded by job " + std::to_string(job.superseded_by)
                                     : name + " was superseded";
    }
    return name;
}

// The jobs of a delivery as they are now: of each chain of rebuilds the newest.
std::vector<Job> newest_jobs(Connection& connection, DeliveryId id) {
    std::vector<Job> jobs;
    for (const JobId job : jobs_of_delivery(connection, id))
        if (!connection.number("SELECT 1 FROM jobs WHERE rebuild_of = ?1 AND rebuild_of > 0 LIMIT 1", job))
            jobs.push_back(*read_job(connection, job));
    return jobs;
}

// What became of the first delivery's jobs, and new attempts for those that came to nothing.
void follow_up(Connection& connection, DeliveryId first, Accepted& accepted, Milliseconds now) {
    for (const Job& job : newest_jobs(connection, first)) {
        if (!accepted.note.empty()) accepted.note += "; ";
        accepted.note += fate(job);
        if (worth_another_attempt(job.state)) {
            accepted.jobs.push_back(insert_job(connection, again(job, "", false), now));
            accepted.note += ", job " + std::to_string(accepted.jobs.back().id) + " was started in its place";
            continue;
        }
        AcceptedJob known{job.id, job.project, job.ref, job.commit, {}, job.same_build_as, {}};
        for (const TargetState& state : job.targets) known.targets.push_back(state.target);
        accepted.jobs.push_back(std::move(known));
    }
    if (!accepted.jobs.empty()) return;
    Query row(connection, "SELECT state, reason FROM deliveries WHERE id = ?1");
    if (row.bind(first).step())
        accepted.note = "delivery " + std::to_string(first) + " was " +
                        std::string(to_string(static_cast<DeliveryState>(row.small(0)))) + ": " + row.text(1);
}

Accepted accept_repeat(Connection& connection, const Prepared& prepared, DeliveryId first, Milliseconds now) {
    Accepted accepted;
    accepted.state = DeliveryState::repeat;
    accepted.repeats = first;
    follow_up(connection, first, accepted, now);
    connection.run("UPDATE deliveries SET repeated = repeated + 1 WHERE id = ?1", first);
    const std::int64_t today =
        connection
            .number("SELECT count(*) FROM deliveries WHERE repeats = ?1 AND repeats > 0 AND received > ?2", first,
                    now - day)
            .value_or(0);
    if (today < stored_repeats_per_day) {
        accepted.id =
            insert_row(connection, prepared,
                       {DeliveryState::repeat, accepted.note, first, arrival_of(connection, first), false}, now);
    } else {
        accepted.id = connection.number("SELECT max(id) FROM deliveries WHERE repeats = ?1 AND repeats > 0", first)
                          .value_or(first);
        connection.run("UPDATE deliveries SET reason = ?2 WHERE id = ?1", accepted.id, accepted.note);
    }
    return accepted;
}

}  // namespace

Prepared prepare(NewDelivery delivery) {
    Prepared prepared;
    prepared.body_sha256 = sha256(delivery.body);
    if (!delivery.sender_id.empty() && delivery.replay_of == 0) {
        const Digest named = sha256(delivery.hook + '\0' + delivery.sender_id);
        prepared.sender_key = std::string(bytes_of(named).substr(0, id_part));
        prepared.sender_key += bytes_of(prepared.body_sha256).substr(0, body_part);
    }
    prepared.headers = pack_headers(delivery.headers);
    prepared.decisions = pack_decisions(delivery.plan.decisions);
    prepared.delivery = std::move(delivery);
    return prepared;
}

Accepted accept(Connection& connection, const Prepared& prepared, Milliseconds now) {
    const NewDelivery& delivery = prepared.delivery;
    if (delivery.found_instead_of && !known_so(connection, *delivery.found_instead_of)) {
        Accepted arrived;
        arrived.state = DeliveryState::ignored;
        arrived.note = "a delivery told of it meanwhile";
        return arrived;
    }
    if (const DeliveryId first = first_with_key(connection, prepared.sender_key))
        return accept_repeat(connection, prepared, first, now);
    Accepted accepted;
    accepted.state = delivery.state;
    if (const DeliveryId other = other_body_with_id(connection, prepared.sender_key))
        accepted.note = "the sender's delivery id was used before, by delivery " + std::to_string(other) +
                        ", for another body; this is a delivery of its own";
    const std::int64_t replayed = arrival_of(connection, delivery.replay_of);
    accepted.id = insert_row(connection, prepared, {delivery.state, delivery.reason, 0, replayed, true}, now);
    for (const auto& [key, project] : delivery.plan.seen)
        connection.run(
            "INSERT INTO repositories VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET project = excluded.project "
            "WHERE project <> excluded.project",
            key, project);
    // What was said long ago is not news of the repository.
    if (delivery.replay_of == 0) remember_refs(connection, delivery.plan.refs);
    if (delivery.state != DeliveryState::accepted) return accepted;
    const std::int64_t arrival = replayed ? replayed : accepted.id;
    for (const PlannedJob& planned : delivery.plan.jobs)
        accepted.jobs.push_back(insert_job(
            connection,
            {accepted.id, arrival, planned, 0, delivery.requested_by, false, !delivery.found_instead_of.has_value()},
            now));
    return accepted;
}

}  // namespace gachette::store
