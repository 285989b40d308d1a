# Completion of hb, heartbeat, hb_standby and hb_takeover for bash.

_hb_words() {
	COMPREPLY=($(compgen -W "$1" -- "${COMP_WORDS[COMP_CWORD]}"))
}

_hb() {
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--config-dir | --run-dir | --state-dir)
		COMPREPLY=($(compgen -d -- "${COMP_WORDS[COMP_CWORD]}"))
		return
		;;
	--svg)
		COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
		return
		;;
	esac
	if [ "$COMP_CWORD" -eq 1 ]; then
		_hb_words "demo check status standby takeover --help --version --config-dir --run-dir --state-dir"
		return
	fi
	case ${COMP_WORDS[1]} in
	demo) _hb_words "--cuts --svg" ;;
	check) _hb_words "--peer --config-dir --run-dir --state-dir $(compgen -d -- "${COMP_WORDS[COMP_CWORD]}")" ;;
	status) _hb_words "--json --run-dir --config-dir --state-dir" ;;
	standby | takeover) _hb_words "all local foreign failback" ;;
	esac
}

_heartbeat() {
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--config-dir | --run-dir | --state-dir | --check)
		COMPREPLY=($(compgen -d -- "${COMP_WORDS[COMP_CWORD]}"))
		return
		;;
	esac
	_hb_words "-f -k -s -r -d -l -M -v -D -W -V --check --config-dir --state-dir --run-dir --version --help"
}

_hb_classes() {
	_hb_words "all local foreign failback"
}

complete -F _hb hb
complete -F _heartbeat heartbeat
complete -F _hb_classes hb_standby hb_takeover
