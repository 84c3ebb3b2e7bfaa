# From a line of httpd's error log (time, level, module, client, message: see
# ErrorLogFormat) to JSON. httpd has made control characters visible by then.
s/[\\"]/\\&/g
s/^(\S+ \S+) (\S+) (\S+) (\S+) (.*)$/{"time":"\1","level":"\2","module":"\3","client":"\4","message":"\5"}/
