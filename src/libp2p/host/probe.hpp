#pragma once

#include <cstddef>
#include <string>

namespace dm::host {

/// distromash_host_connections: those that are there now.
void note_connections(std::size_t count);

/// distromash_host_dials_total{outcome}: "ok", or the name of the error.
void count_dial(const std::string& outcome);

/// distromash_host_refused_total{reason}: incoming connections; "limit", or the name of the error.
void count_refused(const std::string& reason);

/// distromash_host_sent_bytes_total and distromash_host_received_bytes_total, as on the wire.
void count_sent(std::size_t bytes);
void count_received(std::size_t bytes);

}  // namespace dm::host
