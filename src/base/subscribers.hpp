#pragma once

#include <functional>
#include <list>
#include <utility>

namespace dm {

/// Those who want to be told of each T, in the order in which they subscribed. One thread only;
/// outlives its subscriptions. While being told, nobody may subscribe or leave.
template <class T>
class subscribers {
  public:
    using listener = std::function<void(const T&)>;

    /// Told until this goes.
    class subscription {
      public:
        subscription(subscription&& other) noexcept
            : list_(std::exchange(other.list_, nullptr)), which_(other.which_) {}
        subscription& operator=(subscription&&) = delete;
        ~subscription() {
            if (list_)
                list_->erase(which_);
        }

      private:
        friend class subscribers;
        using list = std::list<listener>;
        subscription(list& all, typename list::iterator which) : list_(&all), which_(which) {}

        list* list_;
        typename list::iterator which_;
    };

    [[nodiscard]] subscription add(listener l) {
        return {all_, all_.insert(all_.end(), std::move(l))};
    }

    void tell(const T& what) const {
        for (const auto& l : all_)
            l(what);
    }

  private:
    std::list<listener> all_;
};

}  // namespace dm
