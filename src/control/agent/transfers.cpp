#include "control/agent/transfers.hpp"

#include <fmt/format.h>

namespace dm::agent {
namespace {

using clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds tell_interval{100};
constexpr std::chrono::seconds rate_window{3};

}  // namespace

transfers::entry transfers::begin(transfer_kind kind, std::string image, std::string from) {
    transfer_view t;
    t.id = fmt::format("t{}", next_id_++);
    t.kind = kind;
    t.image = std::move(image);
    t.from = std::move(from);
    t.phase = kind == transfer_kind::import ? "resolving" : "pulling";
    t.started = std::chrono::system_clock::now();
    all_.push_front(std::move(t));
    samples_[all_.front().id].push_back({clock::now(), 0});
    tell(all_.front());
    return all_.begin();
}

void transfers::progress(entry e, std::uint64_t done, std::uint64_t total) {
    e->bytes_done = done;
    e->bytes_total = total;
    auto& samples = samples_[e->id];
    const auto now = clock::now();
    if (now - samples.back().at < tell_interval)
        return;
    samples.push_back({now, done});
    while (samples.size() > 2 && now - samples.front().at > rate_window)
        samples.pop_front();
    const auto span = std::chrono::duration<double>(now - samples.front().at).count();
    const auto moved = done - std::min(done, samples.front().bytes);
    e->bytes_per_second = static_cast<std::uint64_t>(static_cast<double>(moved) / span);
    tell(*e);
}

void transfers::done(entry e) {
    e->bytes_done = e->bytes_total;
    end(e, transfer_state::done);
}

void transfers::failed(entry e, error why) {
    e->failure = std::move(why);
    end(e, transfer_state::failed);
}

void transfers::end(entry e, transfer_state state) {
    e->state = state;
    e->phase.clear();
    e->bytes_per_second = 0;
    e->ended = std::chrono::system_clock::now();
    samples_.erase(e->id);
    tell(*e);
    std::size_t ended = 0;
    for (auto it = all_.begin(); it != all_.end();) {
        const bool drop = it->state != transfer_state::running && ++ended > transfers_ended_max;
        it = drop ? all_.erase(it) : std::next(it);
    }
}

const transfer_view* transfers::find(std::string_view id) const {
    for (const auto& t : all_)
        if (t.id == id)
            return &t;
    return nullptr;
}

void transfers::tell(const transfer_view& t) const {
    if (on_change_)
        on_change_(t);
}

}  // namespace dm::agent
