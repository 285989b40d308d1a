# Completion of hb, heartbeat, hb_standby and hb_takeover for fish.

complete -c hb -f
complete -c hb -n __fish_use_subcommand -a status -d 'What the daemon sees'
complete -c hb -n __fish_use_subcommand -a check -d 'Check a configuration'
complete -c hb -n __fish_use_subcommand -a standby -d 'Hand groups over to the peer'
complete -c hb -n __fish_use_subcommand -a takeover -d 'Ask the peer for groups'
complete -c hb -n __fish_use_subcommand -a demo -d 'A failover on this host'
complete -c hb -n __fish_use_subcommand -l version -d 'Print the version'
complete -c hb -n __fish_use_subcommand -l help -d 'Print the commands'
complete -c hb -n '__fish_seen_subcommand_from status' -l json -d 'For monitors'
complete -c hb -n '__fish_seen_subcommand_from check' -l peer -d 'Compare with the peer'
complete -c hb -n '__fish_seen_subcommand_from check' -a '(__fish_complete_directories)'
complete -c hb -n '__fish_seen_subcommand_from demo' -l cuts -x -d 'How often'
complete -c hb -n '__fish_seen_subcommand_from demo' -l svg -r -F -d 'Draw the failover'
complete -c hb -n '__fish_seen_subcommand_from standby takeover' -a 'all local foreign failback'
for program in hb heartbeat
    complete -c $program -l config-dir -x -a '(__fish_complete_directories)' -d 'Instead of /etc/ha.d'
    complete -c $program -l run-dir -x -a '(__fish_complete_directories)' -d 'Instead of /run'
    complete -c $program -l state-dir -x -a '(__fish_complete_directories)' -d 'Instead of /var/lib/heartbeat'
end

complete -c heartbeat -f
complete -c heartbeat -s f -d 'Stay in the foreground'
complete -c heartbeat -s k -d 'Stop the daemon and wait'
complete -c heartbeat -s s -d 'Say whether it runs'
complete -c heartbeat -s r -d 'Read the configuration again'
complete -c heartbeat -s d -d 'More debug lines'
complete -c heartbeat -s l -d 'No real-time scheduling'
complete -c heartbeat -s M -d 'No resource management'
complete -c heartbeat -s v -d 'Print the configuration, then start'
complete -c heartbeat -s D -d 'Print the defaults'
complete -c heartbeat -s W -d 'As wiki text'
complete -c heartbeat -s V -d 'Print the version that this replaces'
complete -c heartbeat -l check -x -a '(__fish_complete_directories)' -d 'Check the configuration'
complete -c heartbeat -l version -d 'Print the version'
complete -c heartbeat -l help -d 'Print the options'

complete -c hb_standby -f -a 'all local foreign failback'
complete -c hb_takeover -f -a 'all local foreign failback'
