#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "multiformats/peer_id.hpp"

namespace dm::trust {

using multiformats::peer_id;

constexpr std::size_t operators_max = 256;
/// Others that one operator has spoken of and that are kept.
constexpr std::size_t statements_of_operator_max = 2 * operators_max;

/// What one node says of another.
struct statement {
    peer_id author;
    peer_id subject;
    bool is_operator = false;
    std::uint64_t sequence = 0;
};

/// How somebody came to be an operator.
struct rank_of_operator {
    unsigned level = 0;               ///< 0: a root
    std::optional<peer_id> added_by;  ///< none for a root
};

/// Who the operators are: the roots, which a node has been told when it joined, and whom they have
/// added, and whom those have added. The same whatever order the statements come in, and no
/// operator, whatever it signs and whatever times it gives, gets rid of one above it: at each level
/// somebody is an operator who was added by one of the level before and not removed later or at the
/// same time by one of that level or above. Who goes takes along those that only it has added.
class authority {
  public:
    explicit authority(std::vector<peer_id> roots);

    const std::vector<peer_id>& roots() const noexcept { return roots_; }
    const std::map<peer_id, rank_of_operator>& operators() const noexcept { return operators_; }
    bool is_operator(const peer_id& id) const { return operators_.contains(id); }
    /// Whether a removal of `subject` by `author` would count.
    bool may_remove(const peer_id& author, const peer_id& subject) const;

    /// Takes the author's latest word on the subject. That of others than operators, of one about
    /// itself, and what is over statements_of_operator_max is left out; what somebody said who is
    /// no operator any more is forgotten. True when the operators are others now.
    bool take(const statement& s);

  private:
    void compute();
    void forget_former(const std::vector<peer_id>& before);

    struct word {
        bool is_operator;
        std::uint64_t sequence;
    };

    std::vector<peer_id> roots_;
    std::map<peer_id, std::map<peer_id, word>> about_;  ///< subject → author → latest word
    std::map<peer_id, std::size_t> statements_of_;
    std::map<peer_id, rank_of_operator> operators_;
};

}  // namespace dm::trust
