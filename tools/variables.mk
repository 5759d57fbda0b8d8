# What is said of make's variables before anything is done, in one line: a name on the command line that nothing
# reads, a value that is none of those that there are. What means no is no: KEEP=0 keeps nothing.

VARIABLES := TARGET SUITE MODE MESH WORKERS REPORTS ARGS FAULTS RUNS FILE ISTIO ISTIO_BINARIES
VARIABLES += OLD NEW FAIL_ON PAGE SETTLE_BUDGET OUT
VARIABLES += POLICIES GRID SEED N WHAT TEST_WORKERS QUICK_WORKERS CONTEXT INSTALL_MESH KEEP REGISTRY IP_FAMILY
VARIABLES += NODE_IMAGE DRY_RUN
# The former name of MODE.
VARIABLES += PROFILE
# make hands what stands on its command line to the programs that it starts, in their environment.
PASSED_ON := VENV SHELL KUBECONFIG INGRESS_HOST INGRESS_PORT KIND_EXPERIMENTAL_PROVIDER PYTEST_% PIP_%
PASSED_ON += HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy

VALUES_OF_TARGET    := lab kind cluster
VALUES_OF_SUITE     := all current extended istio-1.0
VALUES_OF_MODE      := full quick
VALUES_OF_PROFILE   := full quick
VALUES_OF_IP_FAMILY := ipv4 ipv6 dual
YES := 1 yes Yes YES true True TRUE on On ON
NO  := 0 no No NO false False FALSE off Off OFF
SWITCHES := INSTALL_MESH KEEP DRY_RUN

empty  :=
comma  := ,
listed  = $(subst $(empty) ,$(comma) ,$(strip $1))
given   = $(filter command%,$(origin $1))
# An environment may have a TARGET or a MODE of somebody else's; who proves nothing does not read it.
is_read = $(or $(call given,$1),$(filter conformance,$(MAKECMDGOALS)))
# $(call one_of,NAME,WORDS,HINT): nothing, or the end of make.
one_of  = $(if $(filter 1,$(words $($1))),$(if $(filter $2,$($1)),,$(call refused,$1,$3)),$(call refused,$1,$3))
refused = $(error $1=$($1): invalid choice (choose from $(call listed,$2)))
# $(call is_on,SWITCH): whether somebody has said yes.
is_on   = $(filter $(YES),$($1))

GUESS   := import difflib, sys; near = difflib.get_close_matches(sys.argv[1].upper(), sys.argv[2:], 1);
GUESS   += print("did you mean " + near[0] if near else "the variables are " + ", ".join(sys.argv[2:]))

$(foreach name,$(.VARIABLES),$(if $(call given,$(name)),$(if $(filter $(VARIABLES) $(PASSED_ON),$(name)),, \
    $(error there is no variable $(name): $(shell python3 -c '$(GUESS)' '$(name)' $(VARIABLES))))))
check    = $(call one_of,$1,$(VALUES_OF_$1),$(VALUES_OF_$1))
$(foreach name,PROFILE,$(if $(and $(PROFILE),$(call is_read,$(name))),$(call check,$(name)) \
    $(info PROFILE=$(PROFILE): this variable is now called MODE; its former name still works)))
$(foreach name,TARGET SUITE MODE,$(if $(call is_read,$(name)),$(call check,$(name))))
$(foreach name,IP_FAMILY,$(if $(and $($(name)),$(call is_read,$(name))),$(call check,$(name))))
$(foreach name,$(SWITCHES),$(if $(and $($(name)),$(call is_read,$(name))),$(call one_of,$(name),$(YES) $(NO),1 0)))
