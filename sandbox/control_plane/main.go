// Command control-plane is a Kubernetes control plane in one binary: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler and kwok, which plays the kubelets of nodes that have no machine.
//
// The first argument chooses the role; `control-plane kwok-stages` prints the stages that kwok needs to play nodes and pods.
package main

import (
	"fmt"
	"os"
	"strings"
	_ "time/tzdata" // CronJobs name time zones; the machine may have no database of them

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	nodefast "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	nodelease "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwokcommand "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/signals"
)

const usage = "usage: control-plane etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kwok|kwok-stages [flags]"

func main() {
	if len(os.Args) < 2 {
		fail(usage)
	}
	role := os.Args[1]
	os.Args = os.Args[1:]
	switch role {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		run(apiserver.NewAPIServerCommand())
	case "kube-controller-manager":
		run(controllermanager.NewControllerManagerCommand())
	case "kube-scheduler":
		run(scheduler.NewSchedulerCommand())
	case "kwok":
		kwok()
	case "kwok-stages":
		fmt.Println(strings.Join(stages(), "\n---\n"))
	default:
		fail(usage)
	}
}

func run(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

// kwok does what kwok's own main does; its packages export all parts of it but the whole.
func kwok() {
	// component-base registers a --version that is no bool on the global set; cobra would merge and then refuse it.
	pflag.CommandLine = pflag.NewFlagSet("kwok", pflag.ContinueOnError)
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ := kwoklog.InitFlags(signals.SetupSignalContext(), flags)
	ctx, err := kwokconfig.InitFlags(ctx, flags)
	if err != nil {
		fail(err)
	}
	command := kwokcommand.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	if err := command.ExecuteContext(ctx); err != nil {
		fail(err)
	}
}

// stages are those of kwok's own distribution; kwok refuses to start with none.
func stages() []string {
	return []string{
		nodefast.DefaultNodeInit,
		nodelease.DefaultNodeHeartbeatWithLease,
		podfast.DefaultPodReady,
		podfast.DefaultPodComplete,
		podfast.DefaultPodDelete,
	}
}

func fail(message any) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(2)
}
