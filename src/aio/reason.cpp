#include "aio/reason.hpp"

#include <boost/system/system_error.hpp>

namespace dm::aio {

std::string reason_of(const std::exception& e) {
    const auto* b = dynamic_cast<const boost::system::system_error*>(&e);
    return b ? b->code().message() : e.what();
}

}  // namespace dm::aio
