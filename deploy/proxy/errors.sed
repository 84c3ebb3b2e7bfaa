# From a line of httpd's error log (time, level, module, client, message: see
# ErrorLogFormat) to JSON. httpd has made control characters visible by then.
#
# mod_auth_openidc quotes what it got: the state of a sign-in, the key of a
# session, an address. Queries and long words with a digit go.
s/\?[^ "]*/?.../g
s/(mod_auth_openidc_state_)[^ "]*/\1.../g
s/[A-Za-z0-9_+=%.-]{19,}[0-9][A-Za-z0-9_+=%.-]*|[A-Za-z0-9_+=%.-]{8,}[0-9][A-Za-z0-9_+=%.-]{8,}|[0-9][A-Za-z0-9_+=%.-]{19,}/.../g
# A short line is written whole, whoever else writes.
s/^(.{1500}).*$/\1.../
s/[\\"]/\\&/g
s/^(\S+ \S+) (\S+) (\S+) (\S+) (.*)$/{"time":"\1","level":"\2","module":"\3","client":"\4","message":"\5"}/
