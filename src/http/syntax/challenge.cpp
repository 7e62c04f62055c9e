#include "http/syntax/challenge.hpp"

#include "http/syntax/errc.hpp"
#include "http/syntax/scan.hpp"

namespace dm::syntax {
namespace {

std::unexpected<error> malformed(std::string detail) {
    return fail(errc::malformed_challenge,
                "authentication challenge is malformed: " + std::move(detail));
}

// Reads the list from left to right. A token is a parameter name when `=` and a value follow it,
// the next scheme otherwise.
class challenge_reader {
  public:
    explicit challenge_reader(std::string_view text) : rest_(text) {}

    result<std::vector<challenge>> read() {
        std::vector<challenge> out;
        for (skip_separators(); !rest_.empty(); skip_separators()) {
            if (out.size() == challenges_max)
                return malformed("too many challenges");
            auto one = read_challenge();
            if (!one)
                return fail(one.error());
            out.push_back(*std::move(one));
        }
        return out;
    }

  private:
    result<challenge> read_challenge() {
        challenge out;
        out.scheme = to_lower(take_token());
        if (out.scheme.empty() || !(rest_.empty() || is_space(rest_.front()) || rest_[0] == ','))
            return malformed("a scheme is expected");
        skip_spaces();
        if (!at_parameter()) {
            out.token = take_token68();
            return out;
        }
        for (; at_parameter(); skip_separators()) {
            if (out.parameters.size() == challenge_parameters_max)
                return malformed("too many parameters");
            auto name = to_lower(take_token());
            skip_spaces();
            rest_.remove_prefix(1);  // the `=` that at_parameter() saw
            skip_spaces();
            auto value = take_value();
            if (!value)
                return fail(value.error());
            out.parameters.emplace_back(std::move(name), *std::move(value));
            skip_spaces();
            if (!rest_.empty() && rest_.front() != ',')
                return malformed("a comma is expected after a parameter");
        }
        return out;
    }

    // A token, `=`, and a value: "abc==" and "abc=," are token68.
    bool at_parameter() const {
        auto ahead = rest_.substr(token_size());
        if (ahead.size() == rest_.size())
            return false;
        ahead = ahead.substr(spaces(ahead));
        if (!ahead.starts_with('='))
            return false;
        ahead.remove_prefix(1);
        ahead = ahead.substr(spaces(ahead));
        return !ahead.empty() && ahead.front() != '=' && ahead.front() != ',';
    }

    result<std::string> take_value() {
        if (rest_.front() != '"') {
            const auto size = std::min(rest_.find_first_of(", \t"), rest_.size());
            std::string out{rest_.substr(0, size)};
            rest_.remove_prefix(size);
            return out;
        }
        std::string out;
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            if (rest_[i] == '"') {
                rest_.remove_prefix(i + 1);
                return out;
            }
            if (rest_[i] == '\\')
                ++i;
            if (i == rest_.size())
                break;
            out += rest_[i];
        }
        return malformed("a quoted string does not end");
    }

    std::string take_token68() {
        const auto size = std::min(rest_.find_first_of(", \t"), rest_.size());
        std::string out{rest_.substr(0, size)};
        rest_.remove_prefix(size);
        return out;
    }

    std::string_view take_token() {
        const auto out = rest_.substr(0, token_size());
        rest_.remove_prefix(out.size());
        return out;
    }

    std::size_t token_size() const {
        std::size_t n = 0;
        while (n < rest_.size() && is_token_char(rest_[n]))
            ++n;
        return n;
    }

    static std::size_t spaces(std::string_view text) {
        std::size_t n = 0;
        while (n < text.size() && is_space(text[n]))
            ++n;
        return n;
    }

    void skip_spaces() { rest_.remove_prefix(spaces(rest_)); }
    void skip_separators() {
        while (!rest_.empty() && (is_space(rest_.front()) || rest_.front() == ','))
            rest_.remove_prefix(1);
    }

    std::string_view rest_;
};

}  // namespace

const std::string* challenge::find(std::string_view name) const noexcept {
    const auto at = std::ranges::find(parameters, name, [](const auto& p) { return p.first; });
    return at == parameters.end() ? nullptr : &at->second;
}

result<std::vector<challenge>> parse_challenges(std::string_view text) {
    if (text.size() > challenge_text_max)
        return malformed("too long");
    return challenge_reader{text}.read();
}

}  // namespace dm::syntax
